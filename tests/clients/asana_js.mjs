// Asana's own client for JavaScript walks through the sandbox and prints what it saw.
//
//     node asana_js.mjs http://127.0.0.1:PORT/api/1.0 TOKEN PROJECT
import "./loopback.mjs";
import Asana from "asana";

const [base, token, project] = process.argv.slice(2);
const client = new Asana.ApiClient();
client.basePath = base;
client.authentications.token.accessToken = token;
const sections = new Asana.SectionsApi(client);
const stories = new Asana.StoriesApi(client);
const tasks = new Asana.TasksApi(client);
const users = new Asana.UsersApi(client);
const names = (all) => all.map((each) => each.name);
const seen = {};

const me = (await users.getUser("me", {})).data;
const workspace = me.workspaces[0].gid;
const projects = (await new Asana.ProjectsApi(client).getProjects({ workspace })).data;
seen.board = projects.find((each) => each.gid === project).name;
const [toDo, doing] = (await sections.getSectionsForProject(project, {})).data;
seen.lists = names((await sections.getSectionsForProject(project, {})).data);

const data = {
  name: "Kickoff call",
  notes: "The *brief*, größer",
  due_at: "2026-03-30T22:00:00.000Z",
  workspace,
  memberships: [{ project, section: toDo.gid }],
};
const task = (await tasks.createTask({ data }, {})).data;
await tasks.updateTask({ data: { name: "Kickoff", completed: true } }, task.gid, {});
await sections.addTaskForSection(doing.gid, { body: { data: { task: task.gid } } });
const opt_fields = "name,notes,due_at,completed,memberships.section.name";
const again = (await tasks.getTask(task.gid, { opt_fields })).data;
seen.card = [again.name, again.notes, again.due_at, again.completed];
seen.moved = again.memberships[0].section.name;

const comment = (await stories.createStoryForTask({ data: { text: "See you" } }, task.gid, {})).data;
await stories.updateStory({ data: { text: "See you there" } }, comment.gid, {});
const told = (await stories.getStoriesForTask(task.gid, {})).data;
seen.comments = told.filter((each) => each.resource_subtype === "comment_added").map((each) => each.text);

// A checklist is subtasks here.
for (const name of ["Outline", "Numbers"]) await tasks.createSubtaskForTask({ data: { name } }, task.gid, {});
const [outline] = (await tasks.getSubtasksForTask(task.gid, {})).data;
await tasks.updateTask({ data: { completed: true } }, outline.gid, {});
const lines = (await tasks.getSubtasksForTask(task.gid, { opt_fields: "name,completed" })).data;
seen.checklist = lines.map((each) => [each.name, each.completed ? "complete" : "incomplete"]);

// Archiving is taking off the project.
await tasks.removeProjectForTask({ data: { project } }, task.gid);
seen.archived = [names((await tasks.getTasksForSection(doing.gid, {})).data), (await tasks.getTask(task.gid, {})).data.completed];

const gids = new Set();
seen.pages = [];
for (let page = await tasks.getTasksForProject(project, { limit: 100, opt_fields: "name" }); page.data; ) {
  for (const each of page.data) gids.add(each.gid);
  seen.pages.push(page.data.length);
  page = await page.nextPage();
}
seen.paged = gids.size;
seen.refused = await tasks.getTask("1", {}).catch((error) => error.response.body.errors[0].message);
console.log(JSON.stringify(seen));
