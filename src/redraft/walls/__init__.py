"""The walls around a process that reads what nobody has vouched for: limits, files, system calls."""
