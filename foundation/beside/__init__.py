"""Many small things with files, done beside the work of a command by a process of its own."""
