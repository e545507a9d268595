"""The REST API: its route table, requests, responses and its description."""
