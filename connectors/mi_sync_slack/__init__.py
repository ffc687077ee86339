"""The connector for Slack: one message a week with what needs an eye, kept up to date, and what each run changed."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from mi_sync.connector import Connector, ConnectorConfig, Context, Publisher, SecretRef, api_address

__all__ = ["SlackConfig", "connector"]


def _api_url(value: str) -> str:
    return api_address(value, example="https://slack.com/api")


class SlackConfig(ConnectorConfig):
    """The settings of a target with `connector = "slack"`: a bot's token with a channel, or an incoming webhook."""

    token: SecretRef | None = Field(
        default=None,
        description='where the bot token is: { env = "NAME" } or { keyring = … }; it needs chat:write, and to find '
        "its own message when the state is lost, channels:history",
    )
    channel: str | None = Field(default=None, description="id of the channel, such as C0123456789; the bot is in it")
    webhook: SecretRef | None = Field(
        default=None, description="instead of both: where the address of an incoming webhook is, which is a secret"
    )
    api_url: Annotated[str, AfterValidator(_api_url)] = Field(
        default="https://slack.com/api", description="where the API is; plain http only on a loopback address"
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.webhook is None) == (self.token is None) or (self.token is None) != (self.channel is None):
            raise ValueError("needs either token and channel, or webhook")
        return self


def _open(settings: SlackConfig, context: Context) -> Publisher:
    from mi_sync_slack.publisher import SlackPublisher

    return SlackPublisher(settings, context)


connector = Connector(
    name="slack",
    kind="publisher",
    summary="a channel in Slack: what is late, what is due, what is nobody's, and what each run changed",
    config=SlackConfig,
    open=_open,
    views=("outlook", "news"),
    shown=("outlook", "news"),
    can=(
        "keeps one message a week up to date: overdue, due within seven days, without an owner",
        "answers in its thread, once for each run that changed something, with links to the cards",
        "finds its own message again when the state was lost, if the bot may read the channel",
        "posts through an incoming webhook: the outlook once a week, and what each run changed",
    ),
    cannot=(
        "update a message through a webhook, or answer in a thread: Slack tells a webhook no message's id",
        "mention people, upload files, or read what is answered",
    ),
)
