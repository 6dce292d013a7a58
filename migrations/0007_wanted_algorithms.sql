-- Which instance wants signing keys of which algorithm, and when it last said so. A key is not
-- retired while another instance wants it.
CREATE TABLE wanted_algorithm (
    instance   TEXT   NOT NULL,
    algorithm  TEXT   NOT NULL,
    wanted_at  BIGINT NOT NULL,
    PRIMARY KEY (instance, algorithm)
);
