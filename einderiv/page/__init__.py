"""The page: what it answers, the server behind it, and the same page as files that need no server."""
