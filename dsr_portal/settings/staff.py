"""Sign-in of staff through allauth; owned by `accounts`."""
