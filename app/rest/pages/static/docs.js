// Starts Swagger UI. A problem document in a response gets a link to its page in the catalogue.

"use strict";

const reference = document.getElementById("reference");
const dark = matchMedia("(prefers-color-scheme: dark)");

function followScheme() {
  document.documentElement.classList.toggle("dark-mode", dark.matches);
}

function problemOf(content, contentType) {
  try {
    return (contentType || "").startsWith("application/problem+json") ? JSON.parse(content) : null;
  } catch {
    return null;
  }
}

function explained() {
  return {
    wrapComponents: {
      responseBody: (Original, { React }) => (props) => {
        const problem = problemOf(props.content, props.contentType);
        const body = React.createElement(Original, props);
        if (!problem) return body;
        const link = React.createElement("a", { href: problem.type, className: "explained" }, `What ${problem.code} means`);
        return React.createElement("div", null, body, React.createElement("p", null, link));
      },
    },
  };
}

// Requests go to the origin of this page, not to the public address in the document. Examples of parameters are removed
// because Swagger UI would send those of optional parameters by default.
async function load() {
  const spec = await (await fetch(reference.dataset.openapi)).json();
  spec.servers = [{ url: new URL(".", location.href).href.replace(/\/$/, "") }];
  for (const operation of Object.values(spec.paths).flatMap(Object.values)) {
    for (const parameter of operation.parameters ?? []) {
      delete parameter.example;
      delete parameter.schema?.example;
    }
  }
  return spec;
}

async function start() {
  window.ui = SwaggerUIBundle({
    spec: await spec,
    domNode: reference,
    presets: [SwaggerUIBundle.presets.apis],
    plugins: [explained],
    layout: "BaseLayout",
    deepLinking: true,
    tryItOutEnabled: true,
    persistAuthorization: false,
    displayRequestDuration: true,
    syntaxHighlight: false,
    defaultModelsExpandDepth: -1,
    docExpansion: "list",
    validatorUrl: null,
  });
}

dark.addEventListener("change", followScheme);
followScheme();
const spec = load();  // while the bundle, whose script follows this one, is loading
document.addEventListener("DOMContentLoaded", start);
