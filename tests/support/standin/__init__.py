"""A builder for tests: it speaks the lifecycle's command line and really installs.

These modules run inside pods with nothing but the standard library and pip; see
`tests/support/standin_image.py` for the image they are in.
https://github.com/buildpacks/spec/blob/main/platform.md
"""
