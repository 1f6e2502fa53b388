"""Who may come in, and what for: roles, the second factor, failed logins, sessions."""
