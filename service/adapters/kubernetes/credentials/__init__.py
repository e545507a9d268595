"""Targets and Secrets of private repositories, and the CA certificates of builds."""
