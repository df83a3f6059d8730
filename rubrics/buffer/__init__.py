"""Rubrics that grow with the policy: criteria that are added, scored, retired and revived, every change on record."""
