"""What a keeper is made of: the lease, the work it started, what is to be written, and how it ends."""
