// trello.js walks through the sandbox and prints what it saw. With TRELLO_STRICT_SCHEMAS=true every reply must have the
// shape that trello.js's own audit finds at the live service, and no key beside it.
//
//     node trello_js.mjs http://127.0.0.1:PORT KEY TOKEN BOARD
import "./loopback.mjs";
import { createTrelloClient } from "trello.js";
import { createClient } from "trello.js/core";
import { CardSchema } from "trello.js/models";

const [base, apiKey, apiToken, short] = process.argv.slice(2);
const config = { apiKey, apiToken, host: `${base}/1` };
const { actions, boards, cards, checklists, labels, lists, members } = createTrelloClient(config);
const names = (all) => all.map((each) => each.name);
const seen = {};

const board = await boards.getBoard({ id: short, fields: "all", memberships: "all" });
seen.board = (await members.getMemberBoards({ id: "me" })).find((each) => each.id === board.id).name;
const [toDo, doing] = await boards.getBoardLists({ id: short });
seen.lists = names(await boards.getBoardLists({ id: short }));

const card = await cards.createCard({
  idList: toDo.id,
  name: "Kickoff call",
  desc: "The *brief*, größer",
  due: "2026-03-30T22:00:00.000Z",
  pos: "top",
});
await cards.updateCard({ id: card.id, name: "Kickoff", dueComplete: true });
await cards.updateCard({ id: card.id, idList: doing.id });
const again = await cards.getCard({ id: card.id, fields: "all", members: true });
seen.card = [again.name, again.desc, again.due.toISOString(), again.dueComplete];
seen.moved = again.idList === doing.id && (await cards.getCardList({ id: card.id })).name;

const comment = await cards.createCardComment({ id: card.id, text: "See you" });
await actions.updateAction({ id: comment.id, text: "See you there" });
seen.comments = (await cards.getCardActions({ id: card.id, filter: "commentCard" })).map((each) => each.data.text);

const checklist = await cards.createCardChecklist({ id: card.id, name: "Checklist" });
const outline = await checklists.createChecklistItem({ id: checklist.id, name: "Outline" });
await checklists.createChecklistItem({ id: checklist.id, name: "Numbers" });
await cards.updateCardCheckItem({ id: card.id, idCheckItem: outline.id, state: "complete" });
const [listed] = await cards.getCardChecklists({ id: card.id });
seen.checklist = listed.checkItems.map((each) => [each.name, each.state]);

const label = await boards.createBoardLabel({ id: short, name: "draft", color: "yellow" });
await cards.addCardLabel({ id: card.id, value: label.id });
const kim = (await boards.getBoardMembers({ id: short })).find((each) => each.username === "kim_duarte");
await cards.addCardMember({ id: card.id, value: kim.id });
await cards.createCardAttachment({ id: card.id, name: "brief", url: "https://example.org/brief" });
const dressed = await cards.getCard({ id: card.id, attachments: true, members: true });
seen.dressed = [names(dressed.labels), dressed.members.map((each) => each.username), names(dressed.attachments)];

// What else has a schema, each asked for once. Custom fields are not: their schema has not even a name, because the
// audit has no paid workspace. Nor is the address of an account: the sandbox's token has no scope for it.
await Promise.all([
  members.getMember({ id: "me", fields: "fullName,username,avatarUrl,initials,nonPublic,bio,idBoards,status" }),
  boards.updateBoardMember({ id: short, idMember: kim.id, type: "normal" }),
  boards.updateBoard({ id: short, desc: "Of the spring" }),
  boards.getBoardMemberships({ id: short }),
  boards.getBoardActions({ boardId: short }),
  boards.getBoardChecklists({ id: short }),
  boards.getBoardLabels({ id: short }),
  cards.getCardMembers({ id: card.id }),
  cards.getCardAttachments({ id: card.id }),
  cards.getCardBoard({ id: card.id }),
  labels.getLabel({ id: label.id }),
  lists.getList({ id: toDo.id }),
]);
const backlog = await lists.createList({ name: "Backlog", idBoard: board.id });
await lists.archiveList({ id: backlog.id, value: "true" });
await cards.updateCard({ id: card.id, closed: true });
seen.archived = [names(await lists.getListCards({ id: doing.id })), (await cards.getCard({ id: card.id })).closed];
seen.open = names(await boards.getBoardLists({ id: short }));

// Its getBoardCards takes no page, so that its own transport and schema are used with one.
const client = createClient(config);
const ids = new Set();
seen.pages = [];
for (let before; seen.pages.at(-1) !== 0; ) {
  const page = await client.sendRequest({
    url: `/boards/${short}/cards`,
    searchParams: { limit: 1000, sort: "-id", ...(before && { before }) },
    schema: CardSchema.array(),
  });
  for (const each of page) ids.add(each.id);
  before = page.at(-1)?.id;
  seen.pages.push(page.length);
}
seen.paged = ids.size;
seen.refused = await cards.getCard({ id: "0".repeat(24) }).catch((error) => error.message);
console.log(JSON.stringify(seen));
