"""What measures is tested too: that it does its work, and finds what is wrong. No time matters."""
