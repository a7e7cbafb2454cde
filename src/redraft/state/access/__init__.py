"""Who may use the service of a state folder: its token, one-time codes for browsers, and sessions.

Light, and shared by the server and the command line, which meet in the state folder's files.
"""
