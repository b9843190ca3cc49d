"""Where all tables are put together, whichever module describes them."""

from sqlalchemy import MetaData

metadata = MetaData()
