"""Every reader of files against files that were damaged at random: `make fuzz`."""
