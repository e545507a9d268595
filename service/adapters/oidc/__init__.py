"""An OpenID provider: its keys, and what its tokens state.

https://openid.net/specs/openid-connect-core-1_0.html
"""
