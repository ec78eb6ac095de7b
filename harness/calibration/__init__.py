"""Calibration: small CLIPs whose spatial knowledge is known, because it was decided what their captions say."""
