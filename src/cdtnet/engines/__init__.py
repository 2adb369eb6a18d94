"""The network on OpenVINO or PyTorch: an engine looks at pictures and renders them, and decides nothing."""
