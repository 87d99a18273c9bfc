-- A schema with every type that MySQL and MariaDB have in common, at its limits, and everything else
-- that a dump holds: constraints, views, triggers, routines, events, generated columns, partitions.
SET NAMES utf8mb4;
SET time_zone = '+00:00';
SET sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION';

CREATE TABLE numbers (
  id int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  tiny tinyint, small smallint unsigned, medium mediumint, plain int, big bigint, large bigint unsigned,
  exact decimal(65, 30), money decimal(12, 2) NOT NULL DEFAULT 0.10, single float, precise double,
  bits bit(64), flag bool NOT NULL DEFAULT true, born year
);
INSERT INTO numbers VALUES
  (1, -128, 0, -8388608, -2147483648, -9223372036854775808, 0,
   -99999999999999999999999999999999999.999999999999999999999999999999, -1, -1.5e10, -1e-300, 0, 0, 1901),
  (2, 127, 65535, 8388607, 2147483647, 9223372036854775807, 18446744073709551615,
   99999999999999999999999999999999999.999999999999999999999999999999, 1, 1.5e-10, 1e300,
   b'1111111111111111111111111111111111111111111111111111111111111111', 1, 2155),
  (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, NULL, NULL, true, NULL);

CREATE TABLE texts (
  id int PRIMARY KEY,
  fixed char(10), elastic varchar(16000), short tinytext, plain text, medium mediumtext, large longtext,
  ascii_only varchar(20) CHARACTER SET ascii, latin varchar(20) CHARACTER SET latin1,
  kanji varchar(20) CHARACTER SET sjis, chinese varchar(20) CHARACTER SET gbk,
  wide varchar(20) CHARACTER SET utf32, one enum('a', 'b''c', 'd"e', ''), some set('x', 'y', 'z')
);
INSERT INTO texts VALUES
  (1, 'fixed', repeat('v', 16000), 'short', 'plain', repeat('m', 70000), repeat('l', 5000000),
   'ascii', 'café', '表示', '中文', '😀', 'b''c', 'x,z'),
  (2, '', '', '', '', '', '', '', '', '', '', '', '', ''),
  (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);

CREATE TABLE bytes (
  id int PRIMARY KEY,
  fixed binary(16), elastic varbinary(1000), short tinyblob, plain blob, medium mediumblob, large longblob
);
INSERT INTO bytes VALUES
  (1, 0x00112233445566778899aabbccddeeff, 0x00ff5c27220a0d1a, 0x00, 0x5c5c2727, repeat(0x00ff, 100000),
   repeat(0x5c, 9000000)),
  (2, NULL, NULL, NULL, NULL, NULL, NULL);

CREATE TABLE times (
  id int PRIMARY KEY,
  day date, moment time(6), long_moment time, whole datetime(6), plain datetime, stamp timestamp(6) NULL
);
INSERT INTO times VALUES
  (1, '1000-01-01', '-838:59:59', '838:59:59', '1000-01-01 00:00:00', '1000-01-01', '1970-01-01 00:00:01'),
  (2, '9999-12-31', '23:59:59.999999', '00:00:00', '9999-12-31 23:59:59.999999', '9999-12-31 23:59:59',
   '2038-01-19 03:14:07.999999'),
  (3, NULL, NULL, NULL, NULL, NULL, NULL);

CREATE TABLE places (
  id int PRIMARY KEY,
  anything geometry, one point, path linestring, area polygon, points multipoint, paths multilinestring,
  areas multipolygon, all_sorts geometrycollection
);
INSERT INTO places VALUES
  (1, ST_GeomFromText('POINT(1 2)'), ST_GeomFromText('POINT(-1.5 2.5)'),
   ST_GeomFromText('LINESTRING(0 0, 1 1, 2 0)'), ST_GeomFromText('POLYGON((0 0, 0 3, 3 3, 3 0, 0 0))'),
   ST_GeomFromText('MULTIPOINT((0 0), (1 1))'), ST_GeomFromText('MULTILINESTRING((0 0, 1 1), (2 2, 3 3))'),
   ST_GeomFromText('MULTIPOLYGON(((0 0, 0 1, 1 1, 0 0)))'),
   ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 1), LINESTRING(0 0, 1 1))')),
  (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);

CREATE TABLE documents (
  id int PRIMARY KEY,
  document json,
  total int GENERATED ALWAYS AS (id * 2) STORED,
  half decimal(10, 2) GENERATED ALWAYS AS (id / 2) VIRTUAL,
  CHECK (id > 0)
);
INSERT INTO documents (id, document) VALUES
  (1, '{"a": [1, 2.5, null, true], "é": "\\"quoted\\" \\\\ back"}'), (2, '[]'), (3, NULL);

CREATE TABLE children (
  id int PRIMARY KEY,
  number int unsigned NOT NULL,
  note text,
  CONSTRAINT of_number FOREIGN KEY (number) REFERENCES numbers (id) ON DELETE CASCADE,
  FULLTEXT KEY words (note)
) COMMENT 'it''s a child; -- and not a comment';
INSERT INTO children VALUES (1, 1, 'first words'), (2, 2, 'second; words');

CREATE TABLE parts (id int NOT NULL, what varchar(10))
  PARTITION BY RANGE (id) (
    PARTITION few VALUES LESS THAN (10),
    PARTITION many VALUES LESS THAN MAXVALUE
  );
INSERT INTO parts VALUES (1, 'few'), (100, 'many');

CREATE TABLE `odd ``name; --` (`a column` int, `sel``ect` int, `ü表` int);
INSERT INTO `odd ``name; --` VALUES (1, 2, 3);

CREATE TABLE log (id int AUTO_INCREMENT PRIMARY KEY, what text);

CREATE VIEW sums AS SELECT number, count(*) AS many FROM children GROUP BY number;

DELIMITER //
CREATE TRIGGER children_told AFTER INSERT ON children FOR EACH ROW
BEGIN
  INSERT INTO log (what) VALUES (concat('child ', NEW.id, '; of ', NEW.number));
END//
CREATE PROCEDURE count_to(IN upto int)
BEGIN
  DECLARE i int DEFAULT 0;
  WHILE i < upto DO
    SET i = i + 1;
    SELECT i AS counted;
  END WHILE;
END//
CREATE FUNCTION twice(n int) RETURNS int DETERMINISTIC RETURN n * 2//
CREATE EVENT never ON SCHEDULE AT '2037-01-01 00:00:00' DISABLE DO DELETE FROM log//
DELIMITER ;

INSERT INTO children VALUES (3, 2, 'third');
