"""What single options do while they are on, a file each. `feature` has the protocol that OptionState calls them by."""
