// The action of template.yaml: cookiecutter with the answers of a form. Copy this file into the backend of your Backstage;
// docs/guides/backstage.md says how. The machine of the backend needs git, and cookiecutter 2.1 or newer on Python 3.11 or newer.
import { mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";

import { createTemplateAction, executeShellCommand } from "@backstage/plugin-scaffolder-node";

// cookiecutter reads an answer as `question=answer`. A question without an answer has its default, which may be derived.
const argument = ([question, answer]) => `${question}=${Array.isArray(answer) ? answer.join(",") || "none" : answer}`;
const answered = ([, answer]) => answer !== undefined && answer !== "";

export const generateService = createTemplateAction({
  id: "firstlight:generate",
  description: "Generates a service from the cookiecutter template Firstlight into the workspace.",
  schema: {
    input: {
      template: (z) => z.string({ description: "Address of the template's repository, as git clones it" }),
      checkout: (z) => z.string({ description: "Tag, branch or commit; the default branch without it" }).optional(),
      values: (z) => z.record(z.any(), { description: "Answers by question" }),
    },
  },
  async handler(context) {
    const { template, checkout, values } = context.input;
    const directory = await mkdtemp(join(context.workspacePath, ".firstlight-"));
    await executeShellCommand({
      command: "cookiecutter",
      args: [
        "--no-input",
        "--output-dir",
        directory,
        ...(checkout ? ["--checkout", checkout] : []),
        template,
        ...Object.entries(values).filter(answered).map(argument),
      ],
      logger: context.logger,
    });
    const [service] = await readdir(directory);
    for (const name of await readdir(join(directory, service))) {
      await rename(join(directory, service, name), join(context.workspacePath, name));
    }
    await rm(directory, { recursive: true });
  },
});
