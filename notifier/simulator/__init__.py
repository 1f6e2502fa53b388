"""A faithful WeChat on this machine: a process of its own that imports nothing of the project."""
