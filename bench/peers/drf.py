"""Django REST framework: a model, a serializer, its generic views and authentication, in one file."""

import os
from datetime import UTC, datetime
from urllib.parse import urlsplit
from uuid import uuid4

import django
import jwt
from django.conf import settings

where = urlsplit(os.environ["DATABASE_URL"])
settings.configure(
    SECRET_KEY=os.environ["JWT_SECRET"],
    ROOT_URLCONF=__name__,
    ALLOWED_HOSTS=["*"],
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
    APPEND_SLASH=False,
    USE_TZ=True,
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "HOST": where.hostname,
            "PORT": where.port,
            "NAME": where.path[1:],
            "USER": where.username,
            "PASSWORD": where.password,
            "CONN_MAX_AGE": None,
        }
    },
    REST_FRAMEWORK={
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
        "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
        "UNAUTHENTICATED_USER": None,
    },
)
django.setup()

from django.contrib.postgres.fields import ArrayField  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import IntegrityError, models  # noqa: E402
from django.http import JsonResponse  # noqa: E402
from django.urls import path  # noqa: E402
from rest_framework import authentication, exceptions, generics, pagination, permissions, serializers  # noqa: E402
from rest_framework.response import Response  # noqa: E402

STATUSES = [(n, f"STATUS_{name}") for n, name in enumerate(("PENDING", "IN_PROGRESS", "COMPLETED", "CANCELLED"), 1)]
PRIORITIES = [(n, f"PRIORITY_{name}") for n, name in enumerate(("LOW", "MEDIUM", "HIGH", "CRITICAL"), 1)]


class Task(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid4)
    title = models.TextField()
    description = models.TextField(null=True)
    status = models.SmallIntegerField(default=1)
    priority = models.SmallIntegerField(default=2)
    due_date = models.DateTimeField(null=True)
    create_time = models.DateTimeField()
    update_time = models.DateTimeField()
    created_by = models.TextField()
    tags = ArrayField(models.TextField(), default=list)
    version = models.IntegerField(default=1)

    class Meta:
        app_label = "tasks"
        db_table = "tasks"
        managed = False

    @property
    def name(self):
        return f"tasks/{self.id}"


class NumberedName(serializers.ChoiceField):
    """A name, kept as its number."""

    def __init__(self, numbered, **kwargs):
        super().__init__([name for _, name in numbered], **kwargs)
        self.numbers, self.names = {name: n for n, name in numbered}, dict(numbered)

    def to_internal_value(self, data):
        return self.numbers[super().to_internal_value(data)]

    def to_representation(self, value):
        return self.names[value]


class TaskSerializer(serializers.ModelSerializer):
    title = serializers.CharField(max_length=200)
    description = serializers.CharField(max_length=1000, allow_null=True, required=False)
    status = NumberedName(STATUSES, required=False)
    priority = NumberedName(PRIORITIES, required=False)
    tags = serializers.ListField(child=serializers.RegexField("^[a-z0-9-]{1,50}$"), max_length=10, required=False)

    class Meta:
        model = Task
        fields = ("name", "title", "description", "status", "priority", "due_date", "create_time", "update_time")
        fields += ("created_by", "tags")
        read_only_fields = ("create_time", "update_time", "created_by")

    def validate_due_date(self, value):
        if value is not None and value <= datetime.now(UTC):
            raise serializers.ValidationError("Must lie in the future.")
        return value


class NewTaskSerializer(serializers.Serializer):
    task = TaskSerializer()

    def create(self, validated):
        now = datetime.now(UTC)
        try:
            return Task.objects.create(
                create_time=now, update_time=now, created_by=validated["created_by"], **validated["task"]
            )
        except IntegrityError:
            raise exceptions.APIException("A task with this title already exists.") from None

    def to_representation(self, instance):
        return TaskSerializer(instance).data


class User:
    is_authenticated = True

    def __init__(self, name):
        self.name = name


class Tokens(authentication.BaseAuthentication):
    def authenticate(self, request):
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        try:
            return User(jwt.decode(token, settings.SECRET_KEY, algorithms=["HS256"])["sub"]), token
        except jwt.InvalidTokenError:
            raise exceptions.AuthenticationFailed from None


class Pages(pagination.CursorPagination):
    page_size, page_size_query_param, max_page_size = 50, "page_size", 1000
    ordering = ("-create_time", "-id")

    def paginate_queryset(self, queryset, request, view=None):
        page = super().paginate_queryset(queryset, request, view)
        self.total = queryset.count() if self.has_next else len(page)
        return page

    def get_paginated_response(self, data):
        link = self.get_next_link()
        token = link.partition("cursor=")[2] if link else None
        return Response({"tasks": data, "next_page_token": token, "total_size": self.total})


class Guarded:
    authentication_classes, permission_classes = [Tokens], [permissions.IsAuthenticated]


class TaskList(Guarded, generics.ListCreateAPIView):
    pagination_class = Pages

    def get_queryset(self):
        return Task.objects.filter(created_by=self.request.user.name)

    def get_serializer_class(self):
        return NewTaskSerializer if self.request.method == "POST" else TaskSerializer

    def perform_create(self, serializer):
        serializer.save(created_by=self.request.user.name)

    def get_success_headers(self, data):
        return {"Location": f"/v1/{data['name']}"}


class TaskDetail(Guarded, generics.RetrieveAPIView):
    queryset, serializer_class, lookup_url_kwarg = Task.objects.all(), TaskSerializer, "task_id"

    def check_object_permissions(self, request, obj):
        if obj.created_by != request.user.name:
            self.permission_denied(request)


urlpatterns = [
    path("v1/tasks", TaskList.as_view()),
    path("v1/tasks/<uuid:task_id>", TaskDetail.as_view()),
    path("healthz", lambda request: JsonResponse({"status": "ok"})),
]
app = get_wsgi_application()
