"""GitLab on any host: the one home of python-gitlab and of requests beneath it."""

__all__: list[str] = []
