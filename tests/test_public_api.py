import subprocess
import sys

import pytest

import cdtnet


def test_everything_public_is_there():
    for name in cdtnet.__all__:
        assert getattr(cdtnet, name).__name__ == name
    assert set(cdtnet.__all__) <= set(dir(cdtnet))
    with pytest.raises(AttributeError, match="nothing_of_that_name"):
        _ = cdtnet.nothing_of_that_name


@pytest.mark.slow
def test_importing_the_package_loads_nothing_heavy():
    code = "import sys, cdtnet; print(sorted({'torch', 'numpy', 'pyvips', 'PIL', 'tqdm'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
def test_the_command_lines_help_loads_nothing_heavy():
    code = (
        "import sys\nfrom cdtnet.cli.main import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit: pass\n"
        "print(sorted({'torch', 'numpy', 'pyvips', 'PIL', 'tqdm'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]")


@pytest.mark.slow
def test_loading_a_network_imports_no_compiler():
    """PyTorch imports SymPy and hundreds of modules for some functions on its meta device: two seconds."""
    code = (
        "import sys, cdtnet\ncdtnet.load_model('is2am')\n"
        "print('torch' in sys.modules, 'sympy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True False"
