"""What is calculated for a change: its risk and class, who approves it, which plans it needs, what it collides with."""
