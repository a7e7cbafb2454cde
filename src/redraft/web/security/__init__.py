"""Who is let in. Every request passes the guard before any route, mount or file; it denies by default."""
