"""What is described of the REST API: the headers of its document, and its page."""
