import { z } from 'zod';

/** The names of the fields that an object at `path` may have; empty where anything goes. */
export function fieldNames(schema: z.core.$ZodType, path: readonly (string | number)[]): string[] {
  return [...new Set(objectsAt(schema, path).flatMap((object) => Object.keys(object.shape)))];
}

function objectsAt(schema: z.core.$ZodType, path: readonly (string | number)[]): z.ZodObject[] {
  if (schema instanceof z.ZodOptional) return objectsAt(schema.unwrap(), path);
  if (schema instanceof z.ZodUnion) return schema.options.flatMap((option) => objectsAt(option, path));
  const [key, ...rest] = path;
  if (schema instanceof z.ZodArray && key !== undefined) return objectsAt(schema.element, rest);
  if (!(schema instanceof z.ZodObject)) return [];
  if (key === undefined) return [schema];
  const field: z.core.$ZodType | undefined = schema.shape[key];
  return field === undefined ? [] : objectsAt(field, rest);
}
