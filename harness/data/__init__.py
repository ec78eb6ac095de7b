"""Data sets: one file each, giving rows from pinned files."""
