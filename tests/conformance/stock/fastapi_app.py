"""Items on FastAPI, as in its tutorial, with its OAuth2 bearer check and PyJWT. Served by uvicorn with its defaults."""

import os
from threading import Lock
from typing import Annotated
from uuid import uuid4

import jwt
from fastapi import Depends, FastAPI, HTTPException, status
from fastapi.security import OAuth2PasswordBearer
from pydantic import BaseModel, Field

app = FastAPI(title="Items")
oauth2_scheme = OAuth2PasswordBearer(tokenUrl="token")

items: dict[str, "Item"] = {}
lock = Lock()


class NewItem(BaseModel):
    title: str = Field(min_length=1, max_length=200)
    description: str | None = Field(default=None, max_length=1000)


class Item(NewItem):
    id: str


class ItemUpdate(BaseModel):
    title: str | None = Field(default=None, min_length=1, max_length=200)
    description: str | None = Field(default=None, max_length=1000)


def get_current_user(token: Annotated[str, Depends(oauth2_scheme)]) -> str:
    try:
        return jwt.decode(token, os.environ["SECRET_KEY"], algorithms=["HS256"])["sub"]
    except (jwt.InvalidTokenError, KeyError):
        raise HTTPException(
            status_code=status.HTTP_401_UNAUTHORIZED,
            detail="Could not validate credentials",
            headers={"WWW-Authenticate": 'Bearer error="invalid_token"'},
        ) from None


User = Annotated[str, Depends(get_current_user)]


def check_title(title: str, but: str | None = None) -> None:
    if any(item.title == title and item.id != but for item in items.values()):
        raise HTTPException(status_code=409, detail="An item with this title already exists")


def find(item_id: str) -> Item:
    if item_id not in items:
        raise HTTPException(status_code=404, detail="Item not found")
    return items[item_id]


@app.get("/items")
def list_items(user: User) -> list[Item]:
    return list(items.values())


@app.post("/items", status_code=status.HTTP_201_CREATED)
def create_item(new: NewItem, user: User) -> Item:
    with lock:
        check_title(new.title)
        item = Item(id=str(uuid4()), **new.model_dump())
        items[item.id] = item
    return item


@app.get("/items/{item_id}")
def read_item(item_id: str, user: User) -> Item:
    return find(item_id)


@app.patch("/items/{item_id}")
def update_item(item_id: str, update: ItemUpdate, user: User) -> Item:
    with lock:
        item = find(item_id)
        changes = update.model_dump(exclude_unset=True)
        if "title" in changes:
            check_title(changes["title"], but=item_id)
        items[item_id] = item.model_copy(update=changes)
    return items[item_id]


@app.delete("/items/{item_id}", status_code=status.HTTP_204_NO_CONTENT)
def delete_item(item_id: str, user: User) -> None:
    with lock:
        find(item_id)
        del items[item_id]


@app.get("/health")
def health() -> dict[str, str]:
    return {"status": "ok"}
