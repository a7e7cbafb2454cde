"""Files that somebody sends: received as a stream, looked at, unpacked, and kept until a job has used them."""
