-- Whether the data is of the generation that the caller has seen, and the highest epoch known here.
--
-- Result  {1 or 0, epoch or ''}

local open = current(redis.call('HMGET', KEYS[1], '@epoch', '@sequence'))
return {open and 1 or 0, highest_epoch() or ''}
