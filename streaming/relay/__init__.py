"""The relay process: one upstream shared by any number of viewers."""
