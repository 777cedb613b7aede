"""The page of settings names each of them, as the code has it."""

from tests.architecture.refresh_settings import PAGE, page


def test_the_page_of_settings_is_the_one_that_they_make() -> None:
    """``python -m tests.architecture.refresh_settings`` writes it again."""
    assert page() == PAGE.read_text()
