"""A mapped class in an in-memory database."""

from sqlalchemy import ForeignKey, create_engine, func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship


class Base(DeclarativeBase):
    pass


class Tree(Base):
    __tablename__ = "tree"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    fruits: Mapped[list["Fruit"]] = relationship(back_populates="tree")


class Fruit(Base):
    __tablename__ = "fruit"
    id: Mapped[int] = mapped_column(primary_key=True)
    grams: Mapped[float]
    tree_id: Mapped[int] = mapped_column(ForeignKey("tree.id"))
    tree: Mapped[Tree] = relationship(back_populates="fruits")


def handler(event, context):
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all(
            Tree(name=name, fruits=[Fruit(grams=grams) for grams in weights])
            for name, weights in event["trees"].items()
        )
        session.commit()
        heaviest = select(Tree.name, func.sum(Fruit.grams)).join(Tree.fruits).group_by(Tree.name).order_by(Tree.name)
        return {
            "sums": [list(row) for row in session.execute(heaviest)],
            "sql": str(heaviest),
            "first": session.scalars(select(Tree).order_by(Tree.id)).first().name,
        }
