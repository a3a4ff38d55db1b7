#!/usr/bin/env bash
# openapi-generator 7.26.0, generator `go`, from an OpenAPI 3.1 document: a schema with a required property that does not
# mention additionalProperties is open (JSON Schema 2020-12, core, section 10.3.2.3: absent means the empty schema, which
# allows everything). The generated model decodes it with DisallowUnknownFields, and returns an error, `json: unknown
# field`, for a response with one more property. The help of the option disallowAdditionalPropertiesIfNotPresent admits
# that its default, true, keeps an old, incorrect reading of the specification. What nobody expects: the same default reads
# a schema whose properties are all optional as open. So making one property required, which no response notices, makes
# every generated client fail on the day that the server adds a property.
# It needs Java and Go on the PATH.
set -euo pipefail
folder="$(mktemp -d)"
trap 'chmod -R u+w "$folder"; rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install -q --disable-pip-version-check openapi-generator-cli==7.26.0
cat > openapi.json <<'JSON'
{"openapi": "3.1.0", "info": {"title": "pets", "version": "1"}, "paths": {"/pet": {"get": {"operationId": "get_pet",
 "responses": {"200": {"description": "ok", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Pet"}}}},
  "404": {"description": "no", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Loose"}}}}}}}},
 "components": {"schemas": {
  "Pet": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}},
  "Loose": {"type": "object", "properties": {"name": {"type": "string"}}}}}}
JSON
for open in true false; do
  venv/bin/openapi-generator-cli generate -g go -i openapi.json -o "pets-$open" \
    --additional-properties "packageName=pets,disallowAdditionalPropertiesIfNotPresent=$open" \
    --git-user-id example --git-repo-id pets \
    --global-property apiTests=false,modelTests=false,apiDocs=false,modelDocs=false >/dev/null 2>&1
  mkdir -p "run-$open/pets"
  cp "pets-$open"/model_*.go "pets-$open/utils.go" "run-$open/pets/"
  printf 'module example\n\ngo 1.19\n' > "run-$open/go.mod"
  cat > "run-$open/main.go" <<'GO'
package main

import (
	"encoding/json"
	"fmt"

	"example/pets"
)

func main() {
	body := []byte(`{"name": "Rex", "age": 3}`)
	var pet pets.Pet
	var loose pets.Loose
	fmt.Println("required property:", json.Unmarshal(body, &pet))
	fmt.Println("optional property:", json.Unmarshal(body, &loose))
}
GO
  (cd "run-$open" && GOFLAGS=-mod=mod GOTOOLCHAIN=local GOPROXY=off GOCACHE="$folder/cache" go run .) > "told-$open"
  echo "disallowAdditionalPropertiesIfNotPresent=$open"; cat "told-$open"
done
[ "$(cat told-true)" = $'required property: json: unknown field "age"\noptional property: <nil>' ]
[ "$(cat told-false)" = $'required property: <nil>\noptional property: <nil>' ]
grep -c DisallowUnknownFields pets-true/model_pet.go
