"""The least that a command line made with click takes."""

import click


@click.command()
@click.version_option("1.0", prog_name="hello")
def hello() -> None:
    """Says hello."""
    click.echo("hello")


hello()
