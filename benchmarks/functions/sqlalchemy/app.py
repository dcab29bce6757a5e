"""sqlalchemy: mapped classes declared at init, rows written to and read from a database in memory."""

from sqlalchemy import ForeignKey, create_engine, func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship


class Base(DeclarativeBase):
    pass


class Customer(Base):
    __tablename__ = "customer"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    orders: Mapped[list["Order"]] = relationship(back_populates="customer")


class Order(Base):
    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    total: Mapped[float]
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    customer: Mapped[Customer] = relationship(back_populates="orders")


def handler(event, context):
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        for name, totals in event["customers"].items():
            session.add(Customer(name=name, orders=[Order(total=total) for total in totals]))
        session.commit()
        sums = select(Customer.name, func.sum(Order.total)).join(Customer.orders).group_by(Customer.name)
        return dict(session.execute(sums.order_by(Customer.name)).all())
