"""Samples n answers a problem, before and after one refinement, and says how often k of them hold a right one."""
