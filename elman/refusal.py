"""What is said of a setting that cannot be used."""


class BadSetting(ValueError):
    """A setting that cannot be used; its text names the setting, the rule and the value given."""
