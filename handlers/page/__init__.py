"""The web page: what people do in a browser, over the same use cases as the REST API.

Rendered here; scripts only add what is live. `views/` has a file for each page, with
its template beside the others in `templates/`.
"""
