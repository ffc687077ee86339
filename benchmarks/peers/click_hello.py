"""The least that a command line made with click takes."""

import click


@click.command()
def hello() -> None:
    """Says hello."""
    click.echo("hello")


hello()
