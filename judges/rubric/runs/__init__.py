"""Grading files of answers: rubrics matched to rows, a resumable file of grades, and what they add up to."""
