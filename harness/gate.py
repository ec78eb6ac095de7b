"""The gate: has a model become worse than its baseline?"""
