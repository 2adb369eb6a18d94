"""The network on OpenVINO or PyTorch: engines compute an analysis and render, without any policy."""
