#!/usr/bin/env bash
# protobuf 7.36.2 for Python, with code of protoc (grpcio-tools 1.85.1): the descriptor of a module, by serialized_pb or
# CopyToProto, has no json_name for any field, although the same protoc writes them into a FileDescriptorSet, and
# FieldDescriptor.json_name of the same module returns them. A FileDescriptorSet that is made of such descriptors is valid.
# buf 1.75.0 compares with it, as with an image of the last release, and reports every field of the unchanged protocol
# as broken: `json_name` from "" to "dueDate". Whoever records a release from Python has to fill the names in.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install -q --disable-pip-version-check protobuf==7.36.2 grpcio-tools==1.85.1
npm install --silent --no-audit --no-fund --ignore-scripts @bufbuild/buf@1.75.0 >/dev/null
cat > tasks.proto <<'PROTO'
syntax = "proto3";

package tasks.v1;

message Task {
  string name = 1;
  string due_date = 2;
}
PROTO
printf 'version: v2\nbreaking:\n  use: [WIRE_JSON]\n' > buf.yaml
venv/bin/python -m grpc_tools.protoc -I. --python_out=. --descriptor_set_out=protoc.binpb tasks.proto
venv/bin/python - <<'PROGRAM'
import tasks_pb2
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

copied = FileDescriptorProto()
tasks_pb2.DESCRIPTOR.CopyToProto(copied)
written = FileDescriptorSet.FromString(open("protoc.binpb", "rb").read()).file[0]
own = [field.json_name for field in tasks_pb2.Task.DESCRIPTOR.fields]
for source, names in {
    "FieldDescriptor": own,
    "protoc --descriptor_set_out": [field.json_name for field in written.message_type[0].field],
    "CopyToProto": [field.json_name for field in copied.message_type[0].field],
    "serialized_pb": [
        field.json_name for field in FileDescriptorProto.FromString(tasks_pb2.DESCRIPTOR.serialized_pb).message_type[0].field
    ],
}.items():
    print(f"{source}: {names}")
    expected = ["", ""] if source in {"CopyToProto", "serialized_pb"} else ["name", "dueDate"]
    assert names == expected, source
with open("python.binpb", "wb") as file:
    file.write(FileDescriptorSet(file=[copied]).SerializeToString())
PROGRAM
buf=node_modules/.bin/buf
[ -x "$buf" ] || { echo "no buf" >&2; exit 1; }
"$buf" breaking --path tasks.proto --against protoc.binpb && echo "buf, against protoc's image: nothing breaks"
if "$buf" breaking --path tasks.proto --against python.binpb > told; then
  echo "changed: nothing breaks against the image from Python" >&2
  exit 1
fi
cat told
test "$(grep -c json_name told)" = 2
