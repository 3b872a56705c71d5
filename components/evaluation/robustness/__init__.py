"""How well the registered strategy does when the recordings are worse."""
