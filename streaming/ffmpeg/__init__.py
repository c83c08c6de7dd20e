"""ffmpeg as a separate process: its commands, its life, what it says and what it can do."""
