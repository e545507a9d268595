"""Plain git in this process: refs, trees and files over smart HTTP.

https://git-scm.com/docs/gitprotocol-http and https://git-scm.com/docs/gitprotocol-v2.
"""
