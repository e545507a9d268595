"""Diagnosis of builds that failed or do not start; pure."""
